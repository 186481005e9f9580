{
  "patcher": {
    "fileversion": 1,
    "appversion": {
      "major": 8,
      "minor": 6,
      "revision": 0,
      "architecture": "x64",
      "modernui": 1
    },
    "classnamespace": "box",
    "rect": [
      60.0,
      80.0,
      1180.0,
      812.0
    ],
    "openinpresentation": 1,
    "default_fontsize": 12.0,
    "default_fontname": "Arial",
    "gridsize": [
      15.0,
      15.0
    ],
    "boxes": [
      {
        "box": {
          "id": "obj-3",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            10.0,
            324.47999999999996,
            38.599999999999994
          ],
          "presentation": 1,
          "presentation_rect": [
            20.0,
            12.0,
            1140.0,
            36.0
          ],
          "fontsize": 24.0,
          "text": "torchbend performance",
          "textcolor": [
            0.99,
            0.99,
            0.99,
            1.0
          ],
          "fontface": 1
        }
      },
      {
        "box": {
          "id": "obj-4",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            50.0,
            436.08,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            20.0,
            50.0,
            1140.0,
            22.0
          ],
          "fontsize": 12.0,
          "text": "open a file, name an attribute on each knob, keep presets",
          "textcolor": [
            0.75,
            0.75,
            0.75,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-9",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            100.0,
            60.0,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            30.0,
            105.0,
            64.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "sound",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-10",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            100.0,
            60.0,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            102.0,
            105.0,
            64.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "model",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-11",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            100.0,
            60.0,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            174.0,
            105.0,
            64.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "reset",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-12",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            100.0,
            60.0,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            246.0,
            105.0,
            64.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "reload",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-13",
          "maxclass": "ezdac~",
          "numinlets": 2,
          "numoutlets": 0,
          "patching_rect": [
            20.0,
            20.0,
            45.0,
            45.0
          ],
          "presentation": 1,
          "presentation_rect": [
            32.0,
            132.0,
            42.0,
            42.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-14",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            80.0,
            20.0,
            175.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/:sound"
        }
      },
      {
        "box": {
          "id": "obj-15",
          "maxclass": "button",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            100.0,
            40.0,
            40.0
          ],
          "outlettype": [
            "bang"
          ],
          "presentation": 1,
          "presentation_rect": [
            178.0,
            132.0,
            40.0,
            40.0
          ],
          "parameter_enable": 0
        }
      },
      {
        "box": {
          "id": "obj-16",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            80.0,
            100.0,
            175.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/:reset"
        }
      },
      {
        "box": {
          "id": "obj-17",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            260.0,
            100.0,
            42.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "init"
        }
      },
      {
        "box": {
          "id": "obj-18",
          "maxclass": "button",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            160.0,
            40.0,
            40.0
          ],
          "outlettype": [
            "bang"
          ],
          "presentation": 1,
          "presentation_rect": [
            250.0,
            132.0,
            40.0,
            40.0
          ],
          "parameter_enable": 0
        }
      },
      {
        "box": {
          "id": "obj-19",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            80.0,
            160.0,
            182.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/:reload"
        }
      },
      {
        "box": {
          "id": "obj-20",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            260.0,
            160.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "bang",
            "bang"
          ],
          "text": "t b b"
        }
      },
      {
        "box": {
          "id": "obj-21",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            340.0,
            190.0,
            56.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "reload"
        }
      },
      {
        "box": {
          "id": "obj-22",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            340.0,
            160.0,
            91.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "outputvalue"
        }
      },
      {
        "box": {
          "id": "obj-23",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            420.0,
            190.0,
            154.0,
            22.0
          ],
          "text": "s tb/performance/:nn"
        }
      },
      {
        "box": {
          "id": "obj-24",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            260.0,
            86.39999999999999,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            30.0,
            203.0,
            90.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "microphone",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-25",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            260.0,
            78.96,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            126.0,
            203.0,
            90.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "open file",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-26",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            260.0,
            78.96,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            222.0,
            203.0,
            90.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "play file",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-27",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            260.0,
            86.39999999999999,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            30.0,
            262.0,
            90.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "input gain",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-28",
          "maxclass": "live.toggle",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            180.0,
            260.0,
            26.0,
            26.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            34.0,
            228.0,
            26.0,
            26.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                1
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": ":microphone",
              "parameter_mmax": 1,
              "parameter_mmin": 0,
              "parameter_modmode": 0,
              "parameter_shortname": ":microphone",
              "parameter_type": 2,
              "parameter_enum": [
                "off",
                "on"
              ]
            }
          },
          "varname": ":microphone"
        }
      },
      {
        "box": {
          "id": "obj-29",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            440.0,
            260.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal",
            "bang"
          ],
          "text": "line~"
        }
      },
      {
        "box": {
          "id": "obj-30",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            260.0,
            161.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/:mic"
        }
      },
      {
        "box": {
          "id": "obj-31",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            360.0,
            260.0,
            49.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "$1 20"
        }
      },
      {
        "box": {
          "id": "obj-32",
          "maxclass": "live.slider",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            180.0,
            320.0,
            160.0,
            30.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            34.0,
            284.0,
            270.0,
            30.0
          ],
          "orientation": 1,
          "showname": 0,
          "shownumber": 1,
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                1.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": ":gain",
              "parameter_mmax": 2.0,
              "parameter_mmin": 0.0,
              "parameter_modmode": 0,
              "parameter_shortname": ":gain",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": ":gain"
        }
      },
      {
        "box": {
          "id": "obj-33",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            320.0,
            168.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/:gain"
        }
      },
      {
        "box": {
          "id": "obj-34",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            360.0,
            320.0,
            49.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "$1 20"
        }
      },
      {
        "box": {
          "id": "obj-35",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            440.0,
            320.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal",
            "bang"
          ],
          "text": "line~"
        }
      },
      {
        "box": {
          "id": "obj-36",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            180.0,
            380.0,
            42.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            130.0,
            228.0,
            60.0,
            24.0
          ],
          "text": "open"
        }
      },
      {
        "box": {
          "id": "obj-37",
          "maxclass": "toggle",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            260.0,
            380.0,
            26.0,
            26.0
          ],
          "outlettype": [
            "int"
          ],
          "presentation": 1,
          "presentation_rect": [
            226.0,
            228.0,
            26.0,
            26.0
          ],
          "parameter_enable": 0
        }
      },
      {
        "box": {
          "id": "obj-38",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            320.0,
            380.0,
            119.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "loadmess loop 1"
        }
      },
      {
        "box": {
          "id": "obj-39",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 3,
          "patching_rect": [
            180.0,
            410.0,
            77.0,
            22.0
          ],
          "outlettype": [
            "signal",
            "signal",
            "bang"
          ],
          "text": "sfplay~ 2"
        }
      },
      {
        "box": {
          "id": "obj-40",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            20.0,
            410.0,
            70.0,
            22.0
          ],
          "outlettype": [
            "signal",
            "signal"
          ],
          "text": "adc~ 1 2"
        }
      },
      {
        "box": {
          "id": "obj-41",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            440.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "*~ 0."
        }
      },
      {
        "box": {
          "id": "obj-42",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            280.0,
            440.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "*~ 1."
        }
      },
      {
        "box": {
          "id": "obj-43",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            360.0,
            440.0,
            224.0,
            22.0
          ],
          "text": "send~ tb/performance/:source/0"
        }
      },
      {
        "box": {
          "id": "obj-44",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            80.0,
            440.0,
            217.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "receive~ tb/performance/:in/0"
        }
      },
      {
        "box": {
          "id": "obj-45",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            470.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "*~ 0."
        }
      },
      {
        "box": {
          "id": "obj-46",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            280.0,
            470.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "*~ 1."
        }
      },
      {
        "box": {
          "id": "obj-47",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            360.0,
            470.0,
            224.0,
            22.0
          ],
          "text": "send~ tb/performance/:source/1"
        }
      },
      {
        "box": {
          "id": "obj-48",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            80.0,
            470.0,
            217.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "receive~ tb/performance/:in/1"
        }
      },
      {
        "box": {
          "id": "obj-49",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            20.0,
            620.0,
            133.0,
            22.0
          ],
          "outlettype": [
            "signal",
            "signal"
          ],
          "text": "nn~ void 2 2 4096"
        }
      },
      {
        "box": {
          "id": "obj-50",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            530.0,
            154.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/:nn"
        }
      },
      {
        "box": {
          "id": "obj-51",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            260.0,
            530.0,
            245.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "receive~ tb/performance/:source/0"
        }
      },
      {
        "box": {
          "id": "obj-52",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            20.0,
            650.0,
            203.0,
            22.0
          ],
          "text": "send~ tb/performance/:wet/0"
        }
      },
      {
        "box": {
          "id": "obj-53",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            260.0,
            560.0,
            245.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "receive~ tb/performance/:source/1"
        }
      },
      {
        "box": {
          "id": "obj-54",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            320.0,
            650.0,
            203.0,
            22.0
          ],
          "text": "send~ tb/performance/:wet/1"
        }
      },
      {
        "box": {
          "id": "obj-55",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            640.0,
            650.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "*~ 1."
        }
      },
      {
        "box": {
          "id": "obj-56",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            740.0,
            650.0,
            203.0,
            22.0
          ],
          "text": "send~ tb/performance/:wet/1"
        }
      },
      {
        "box": {
          "id": "obj-57",
          "maxclass": "live.toggle",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            560.0,
            100.0,
            40.0,
            40.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            106.0,
            132.0,
            40.0,
            40.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                1
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": ":model",
              "parameter_mmax": 1,
              "parameter_mmin": 0,
              "parameter_modmode": 0,
              "parameter_shortname": ":model",
              "parameter_type": 2,
              "parameter_enum": [
                "off",
                "on"
              ]
            }
          },
          "varname": ":model"
        }
      },
      {
        "box": {
          "id": "obj-58",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            620.0,
            100.0,
            182.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/:enable"
        }
      },
      {
        "box": {
          "id": "obj-59",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            620.0,
            140.0,
            77.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "enable $1"
        }
      },
      {
        "box": {
          "id": "obj-60",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            710.0,
            78.96,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            30.0,
            344.0,
            90.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "dry / wet",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-61",
          "maxclass": "live.slider",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            180.0,
            710.0,
            160.0,
            30.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            34.0,
            366.0,
            230.0,
            30.0
          ],
          "orientation": 1,
          "showname": 0,
          "shownumber": 1,
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                1.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": ":mix",
              "parameter_mmax": 1.0,
              "parameter_mmin": 0.0,
              "parameter_modmode": 0,
              "parameter_shortname": ":mix",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": ":mix"
        }
      },
      {
        "box": {
          "id": "obj-62",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            710.0,
            161.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/:mix"
        }
      },
      {
        "box": {
          "id": "obj-63",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            360.0,
            710.0,
            49.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "$1 20"
        }
      },
      {
        "box": {
          "id": "obj-64",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            440.0,
            710.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal",
            "bang"
          ],
          "text": "line~"
        }
      },
      {
        "box": {
          "id": "obj-65",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            520.0,
            710.0,
            56.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "!-~ 1."
        }
      },
      {
        "box": {
          "id": "obj-66",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            770.0,
            60.0,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            30.0,
            406.0,
            90.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "level",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-67",
          "maxclass": "live.slider",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            180.0,
            770.0,
            160.0,
            30.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            34.0,
            428.0,
            230.0,
            30.0
          ],
          "orientation": 1,
          "showname": 0,
          "shownumber": 1,
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.8
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": ":level",
              "parameter_mmax": 1.0,
              "parameter_mmin": 0.0,
              "parameter_modmode": 0,
              "parameter_shortname": ":level",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": ":level"
        }
      },
      {
        "box": {
          "id": "obj-68",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            770.0,
            175.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/:level"
        }
      },
      {
        "box": {
          "id": "obj-69",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            360.0,
            770.0,
            49.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "$1 20"
        }
      },
      {
        "box": {
          "id": "obj-70",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            440.0,
            770.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal",
            "bang"
          ],
          "text": "line~"
        }
      },
      {
        "box": {
          "id": "obj-71",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 0,
          "patching_rect": [
            20.0,
            950.0,
            70.0,
            22.0
          ],
          "text": "dac~ 1 2"
        }
      },
      {
        "box": {
          "id": "obj-72",
          "maxclass": "meter~",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            220.0,
            950.0,
            16.0,
            80.0
          ],
          "outlettype": [
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            286.0,
            354.0,
            16.0,
            84.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-73",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            830.0,
            224.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "receive~ tb/performance/:wet/0"
        }
      },
      {
        "box": {
          "id": "obj-74",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            580.0,
            830.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "*~ 0."
        }
      },
      {
        "box": {
          "id": "obj-75",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            280.0,
            830.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "*~ 1."
        }
      },
      {
        "box": {
          "id": "obj-76",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            640.0,
            830.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "*~ 0."
        }
      },
      {
        "box": {
          "id": "obj-77",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            720.0,
            830.0,
            245.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "receive~ tb/performance/:source/0"
        }
      },
      {
        "box": {
          "id": "obj-78",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            860.0,
            224.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "receive~ tb/performance/:wet/1"
        }
      },
      {
        "box": {
          "id": "obj-79",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            580.0,
            860.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "*~ 0."
        }
      },
      {
        "box": {
          "id": "obj-80",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            280.0,
            860.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "*~ 1."
        }
      },
      {
        "box": {
          "id": "obj-81",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            640.0,
            860.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "*~ 0."
        }
      },
      {
        "box": {
          "id": "obj-82",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            720.0,
            860.0,
            245.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "receive~ tb/performance/:source/1"
        }
      },
      {
        "box": {
          "id": "obj-83",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            486.0,
            227.76,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            30.0,
            492.0,
            280.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "buffer 4096 frames: the third",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-84",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            486.0,
            220.32,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            30.0,
            514.0,
            280.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "argument of nn~ in the patch",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-86",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1070.0,
            60.0,
            24.599999999999998
          ],
          "presentation": 1,
          "presentation_rect": [
            350.0,
            105.0,
            200.0,
            22.0
          ],
          "fontsize": 14.0,
          "text": "model",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ],
          "fontface": 1
        }
      },
      {
        "box": {
          "id": "obj-87",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1070.0,
            123.6,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            402.0,
            144.0,
            200.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "open a .ts file",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-88",
          "maxclass": "button",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            1070.0,
            40.0,
            40.0
          ],
          "outlettype": [
            "bang"
          ],
          "presentation": 1,
          "presentation_rect": [
            354.0,
            134.0,
            40.0,
            40.0
          ],
          "parameter_enable": 0
        }
      },
      {
        "box": {
          "id": "obj-89",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            1120.0,
            168.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/:open"
        }
      },
      {
        "box": {
          "id": "obj-90",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            80.0,
            1070.0,
            84.0,
            22.0
          ],
          "outlettype": [
            "",
            "bang"
          ],
          "text": "opendialog"
        }
      },
      {
        "box": {
          "id": "obj-91",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            180.0,
            1070.0,
            98.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "prepend load"
        }
      },
      {
        "box": {
          "id": "obj-92",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            180.0,
            1120.0,
            168.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/:file"
        }
      },
      {
        "box": {
          "id": "obj-93",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1070.0,
            60.0,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            350.0,
            184.0,
            80.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "method",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-94",
          "maxclass": "textedit",
          "numinlets": 1,
          "numoutlets": 4,
          "patching_rect": [
            300.0,
            1070.0,
            140.0,
            24.0
          ],
          "outlettype": [
            "",
            "int",
            "",
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            354.0,
            208.0,
            180.0,
            24.0
          ],
          "keymode": 1,
          "lines": 1,
          "outputmode": 1,
          "parameter_enable": 0,
          "text": "forward",
          "varname": "method"
        }
      },
      {
        "box": {
          "id": "obj-95",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            460.0,
            1070.0,
            84.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "route text"
        }
      },
      {
        "box": {
          "id": "obj-96",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            560.0,
            1070.0,
            112.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "prepend method"
        }
      },
      {
        "box": {
          "id": "obj-97",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1070.0,
            145.92,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            560.0,
            184.0,
            160.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "mono on both sides",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-98",
          "maxclass": "live.toggle",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            700.0,
            1070.0,
            26.0,
            26.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            560.0,
            206.0,
            26.0,
            26.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                1
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "mono",
              "parameter_mmax": 1,
              "parameter_mmin": 0,
              "parameter_modmode": 0,
              "parameter_shortname": "mono",
              "parameter_type": 2,
              "parameter_enum": [
                "off",
                "on"
              ]
            }
          },
          "varname": "mono"
        }
      },
      {
        "box": {
          "id": "obj-100",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1270.0,
            72.75999999999999,
            24.599999999999998
          ],
          "presentation": 1,
          "presentation_rect": [
            350.0,
            267.0,
            200.0,
            22.0
          ],
          "fontsize": 14.0,
          "text": "presets",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ],
          "fontface": 1
        }
      },
      {
        "box": {
          "id": "obj-101",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            1390.0,
            336.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "pattrstorage torchbend-performance @savemode 0"
        }
      },
      {
        "box": {
          "id": "obj-102",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 4,
          "patching_rect": [
            20.0,
            1430.0,
            161.0,
            22.0
          ],
          "outlettype": [
            "",
            "",
            "",
            ""
          ],
          "text": "autopattr @autoname 0"
        }
      },
      {
        "box": {
          "id": "obj-103",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1270.0,
            60.0,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            350.0,
            300.0,
            70.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "recall",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-104",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            1270.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            420.0,
            298.0,
            36.0,
            24.0
          ],
          "text": "1"
        }
      },
      {
        "box": {
          "id": "obj-105",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            100.0,
            1270.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            459.0,
            298.0,
            36.0,
            24.0
          ],
          "text": "2"
        }
      },
      {
        "box": {
          "id": "obj-106",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            180.0,
            1270.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            498.0,
            298.0,
            36.0,
            24.0
          ],
          "text": "3"
        }
      },
      {
        "box": {
          "id": "obj-107",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            260.0,
            1270.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            537.0,
            298.0,
            36.0,
            24.0
          ],
          "text": "4"
        }
      },
      {
        "box": {
          "id": "obj-108",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            340.0,
            1270.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            576.0,
            298.0,
            36.0,
            24.0
          ],
          "text": "5"
        }
      },
      {
        "box": {
          "id": "obj-109",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            420.0,
            1270.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            615.0,
            298.0,
            36.0,
            24.0
          ],
          "text": "6"
        }
      },
      {
        "box": {
          "id": "obj-110",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            500.0,
            1270.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            654.0,
            298.0,
            36.0,
            24.0
          ],
          "text": "7"
        }
      },
      {
        "box": {
          "id": "obj-111",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            580.0,
            1270.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            693.0,
            298.0,
            36.0,
            24.0
          ],
          "text": "8"
        }
      },
      {
        "box": {
          "id": "obj-112",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1270.0,
            60.0,
            21.799999999999997
          ],
          "presentation": 1,
          "presentation_rect": [
            350.0,
            340.0,
            70.0,
            20.0
          ],
          "fontsize": 12.0,
          "text": "store",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-113",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            1310.0,
            63.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            420.0,
            338.0,
            36.0,
            24.0
          ],
          "text": "store 1"
        }
      },
      {
        "box": {
          "id": "obj-114",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            100.0,
            1310.0,
            63.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            459.0,
            338.0,
            36.0,
            24.0
          ],
          "text": "store 2"
        }
      },
      {
        "box": {
          "id": "obj-115",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            180.0,
            1310.0,
            63.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            498.0,
            338.0,
            36.0,
            24.0
          ],
          "text": "store 3"
        }
      },
      {
        "box": {
          "id": "obj-116",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            260.0,
            1310.0,
            63.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            537.0,
            338.0,
            36.0,
            24.0
          ],
          "text": "store 4"
        }
      },
      {
        "box": {
          "id": "obj-117",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            340.0,
            1310.0,
            63.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            576.0,
            338.0,
            36.0,
            24.0
          ],
          "text": "store 5"
        }
      },
      {
        "box": {
          "id": "obj-118",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            420.0,
            1310.0,
            63.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            615.0,
            338.0,
            36.0,
            24.0
          ],
          "text": "store 6"
        }
      },
      {
        "box": {
          "id": "obj-119",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            500.0,
            1310.0,
            63.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            654.0,
            338.0,
            36.0,
            24.0
          ],
          "text": "store 7"
        }
      },
      {
        "box": {
          "id": "obj-120",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            580.0,
            1310.0,
            63.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            693.0,
            338.0,
            36.0,
            24.0
          ],
          "text": "store 8"
        }
      },
      {
        "box": {
          "id": "obj-121",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            1350.0,
            49.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            420.0,
            386.0,
            60.0,
            24.0
          ],
          "text": "write"
        }
      },
      {
        "box": {
          "id": "obj-122",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            100.0,
            1350.0,
            42.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            500.0,
            386.0,
            60.0,
            24.0
          ],
          "text": "read"
        }
      },
      {
        "box": {
          "id": "obj-124",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            20.0,
            60.0,
            24.599999999999998
          ],
          "presentation": 1,
          "presentation_rect": [
            768.0,
            108.0,
            30.0,
            22.0
          ],
          "fontsize": 14.0,
          "text": "1",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ],
          "fontface": 1
        }
      },
      {
        "box": {
          "id": "obj-125",
          "maxclass": "textedit",
          "numinlets": 1,
          "numoutlets": 4,
          "patching_rect": [
            1300.0,
            20.0,
            160.0,
            24.0
          ],
          "outlettype": [
            "",
            "int",
            "",
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            804.0,
            109.0,
            160.0,
            24.0
          ],
          "keymode": 1,
          "lines": 1,
          "outputmode": 1,
          "parameter_enable": 0,
          "text": "-",
          "varname": "name 1"
        }
      },
      {
        "box": {
          "id": "obj-126",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            20.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            972.0,
            111.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "low",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-127",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1680.0,
            20.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1006.0,
            111.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "low 1",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "low 1",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "low 1"
        }
      },
      {
        "box": {
          "id": "obj-128",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            20.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            1064.0,
            111.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "high",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-129",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1760.0,
            20.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1098.0,
            111.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                1.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "high 1",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "high 1",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "high 1"
        }
      },
      {
        "box": {
          "id": "obj-130",
          "maxclass": "live.slider",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1500.0,
            20.0,
            160.0,
            30.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            774.0,
            142.0,
            270.0,
            28.0
          ],
          "orientation": 1,
          "showname": 0,
          "shownumber": 0,
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "knob 1",
              "parameter_mmax": 1.0,
              "parameter_mmin": 0.0,
              "parameter_modmode": 0,
              "parameter_shortname": "knob 1",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "knob 1"
        }
      },
      {
        "box": {
          "id": "obj-131",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            60.0,
            175.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/knob/1"
        }
      },
      {
        "box": {
          "id": "obj-132",
          "maxclass": "newobj",
          "numinlets": 6,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            100.0,
            133.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "scale 0. 1. 0. 1."
        }
      },
      {
        "box": {
          "id": "obj-133",
          "maxclass": "flonum",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1660.0,
            100.0,
            80.0,
            22.0
          ],
          "outlettype": [
            "",
            "bang"
          ],
          "presentation": 1,
          "presentation_rect": [
            1056.0,
            144.0,
            90.0,
            24.0
          ],
          "parameter_enable": 0,
          "ignoreclick": 1
        }
      },
      {
        "box": {
          "id": "obj-134",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1760.0,
            100.0,
            42.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "gate"
        }
      },
      {
        "box": {
          "id": "obj-135",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            180.0,
            119.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "prepend nothing"
        }
      },
      {
        "box": {
          "id": "obj-136",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            1760.0,
            180.0,
            154.0,
            22.0
          ],
          "text": "s tb/performance/:nn"
        }
      },
      {
        "box": {
          "id": "obj-137",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            100.0,
            84.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "route text"
        }
      },
      {
        "box": {
          "id": "obj-138",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            140.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "t s s"
        }
      },
      {
        "box": {
          "id": "obj-139",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1380.0,
            140.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "bang",
            ""
          ],
          "text": "sel -"
        }
      },
      {
        "box": {
          "id": "obj-140",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1380.0,
            220.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "0"
        }
      },
      {
        "box": {
          "id": "obj-141",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1440.0,
            220.0,
            40.0,
            22.0
          ],
          "outlettype": [
            "int"
          ],
          "text": "t 1"
        }
      },
      {
        "box": {
          "id": "obj-142",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            180.0,
            140.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "sprintf set set %s"
        }
      },
      {
        "box": {
          "id": "obj-144",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            280.0,
            60.0,
            24.599999999999998
          ],
          "presentation": 1,
          "presentation_rect": [
            768.0,
            196.0,
            30.0,
            22.0
          ],
          "fontsize": 14.0,
          "text": "2",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ],
          "fontface": 1
        }
      },
      {
        "box": {
          "id": "obj-145",
          "maxclass": "textedit",
          "numinlets": 1,
          "numoutlets": 4,
          "patching_rect": [
            1300.0,
            280.0,
            160.0,
            24.0
          ],
          "outlettype": [
            "",
            "int",
            "",
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            804.0,
            197.0,
            160.0,
            24.0
          ],
          "keymode": 1,
          "lines": 1,
          "outputmode": 1,
          "parameter_enable": 0,
          "text": "-",
          "varname": "name 2"
        }
      },
      {
        "box": {
          "id": "obj-146",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            280.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            972.0,
            199.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "low",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-147",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1680.0,
            280.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1006.0,
            199.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "low 2",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "low 2",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "low 2"
        }
      },
      {
        "box": {
          "id": "obj-148",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            280.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            1064.0,
            199.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "high",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-149",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1760.0,
            280.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1098.0,
            199.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                1.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "high 2",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "high 2",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "high 2"
        }
      },
      {
        "box": {
          "id": "obj-150",
          "maxclass": "live.slider",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1500.0,
            280.0,
            160.0,
            30.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            774.0,
            230.0,
            270.0,
            28.0
          ],
          "orientation": 1,
          "showname": 0,
          "shownumber": 0,
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "knob 2",
              "parameter_mmax": 1.0,
              "parameter_mmin": 0.0,
              "parameter_modmode": 0,
              "parameter_shortname": "knob 2",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "knob 2"
        }
      },
      {
        "box": {
          "id": "obj-151",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            320.0,
            175.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/knob/2"
        }
      },
      {
        "box": {
          "id": "obj-152",
          "maxclass": "newobj",
          "numinlets": 6,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            360.0,
            133.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "scale 0. 1. 0. 1."
        }
      },
      {
        "box": {
          "id": "obj-153",
          "maxclass": "flonum",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1660.0,
            360.0,
            80.0,
            22.0
          ],
          "outlettype": [
            "",
            "bang"
          ],
          "presentation": 1,
          "presentation_rect": [
            1056.0,
            232.0,
            90.0,
            24.0
          ],
          "parameter_enable": 0,
          "ignoreclick": 1
        }
      },
      {
        "box": {
          "id": "obj-154",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1760.0,
            360.0,
            42.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "gate"
        }
      },
      {
        "box": {
          "id": "obj-155",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            440.0,
            119.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "prepend nothing"
        }
      },
      {
        "box": {
          "id": "obj-156",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            1760.0,
            440.0,
            154.0,
            22.0
          ],
          "text": "s tb/performance/:nn"
        }
      },
      {
        "box": {
          "id": "obj-157",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            360.0,
            84.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "route text"
        }
      },
      {
        "box": {
          "id": "obj-158",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            400.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "t s s"
        }
      },
      {
        "box": {
          "id": "obj-159",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1380.0,
            400.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "bang",
            ""
          ],
          "text": "sel -"
        }
      },
      {
        "box": {
          "id": "obj-160",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1380.0,
            480.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "0"
        }
      },
      {
        "box": {
          "id": "obj-161",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1440.0,
            480.0,
            40.0,
            22.0
          ],
          "outlettype": [
            "int"
          ],
          "text": "t 1"
        }
      },
      {
        "box": {
          "id": "obj-162",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            440.0,
            140.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "sprintf set set %s"
        }
      },
      {
        "box": {
          "id": "obj-164",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            540.0,
            60.0,
            24.599999999999998
          ],
          "presentation": 1,
          "presentation_rect": [
            768.0,
            284.0,
            30.0,
            22.0
          ],
          "fontsize": 14.0,
          "text": "3",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ],
          "fontface": 1
        }
      },
      {
        "box": {
          "id": "obj-165",
          "maxclass": "textedit",
          "numinlets": 1,
          "numoutlets": 4,
          "patching_rect": [
            1300.0,
            540.0,
            160.0,
            24.0
          ],
          "outlettype": [
            "",
            "int",
            "",
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            804.0,
            285.0,
            160.0,
            24.0
          ],
          "keymode": 1,
          "lines": 1,
          "outputmode": 1,
          "parameter_enable": 0,
          "text": "-",
          "varname": "name 3"
        }
      },
      {
        "box": {
          "id": "obj-166",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            540.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            972.0,
            287.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "low",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-167",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1680.0,
            540.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1006.0,
            287.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "low 3",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "low 3",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "low 3"
        }
      },
      {
        "box": {
          "id": "obj-168",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            540.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            1064.0,
            287.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "high",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-169",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1760.0,
            540.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1098.0,
            287.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                1.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "high 3",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "high 3",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "high 3"
        }
      },
      {
        "box": {
          "id": "obj-170",
          "maxclass": "live.slider",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1500.0,
            540.0,
            160.0,
            30.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            774.0,
            318.0,
            270.0,
            28.0
          ],
          "orientation": 1,
          "showname": 0,
          "shownumber": 0,
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "knob 3",
              "parameter_mmax": 1.0,
              "parameter_mmin": 0.0,
              "parameter_modmode": 0,
              "parameter_shortname": "knob 3",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "knob 3"
        }
      },
      {
        "box": {
          "id": "obj-171",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            580.0,
            175.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/knob/3"
        }
      },
      {
        "box": {
          "id": "obj-172",
          "maxclass": "newobj",
          "numinlets": 6,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            620.0,
            133.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "scale 0. 1. 0. 1."
        }
      },
      {
        "box": {
          "id": "obj-173",
          "maxclass": "flonum",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1660.0,
            620.0,
            80.0,
            22.0
          ],
          "outlettype": [
            "",
            "bang"
          ],
          "presentation": 1,
          "presentation_rect": [
            1056.0,
            320.0,
            90.0,
            24.0
          ],
          "parameter_enable": 0,
          "ignoreclick": 1
        }
      },
      {
        "box": {
          "id": "obj-174",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1760.0,
            620.0,
            42.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "gate"
        }
      },
      {
        "box": {
          "id": "obj-175",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            700.0,
            119.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "prepend nothing"
        }
      },
      {
        "box": {
          "id": "obj-176",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            1760.0,
            700.0,
            154.0,
            22.0
          ],
          "text": "s tb/performance/:nn"
        }
      },
      {
        "box": {
          "id": "obj-177",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            620.0,
            84.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "route text"
        }
      },
      {
        "box": {
          "id": "obj-178",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            660.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "t s s"
        }
      },
      {
        "box": {
          "id": "obj-179",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1380.0,
            660.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "bang",
            ""
          ],
          "text": "sel -"
        }
      },
      {
        "box": {
          "id": "obj-180",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1380.0,
            740.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "0"
        }
      },
      {
        "box": {
          "id": "obj-181",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1440.0,
            740.0,
            40.0,
            22.0
          ],
          "outlettype": [
            "int"
          ],
          "text": "t 1"
        }
      },
      {
        "box": {
          "id": "obj-182",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            700.0,
            140.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "sprintf set set %s"
        }
      },
      {
        "box": {
          "id": "obj-184",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            800.0,
            60.0,
            24.599999999999998
          ],
          "presentation": 1,
          "presentation_rect": [
            768.0,
            372.0,
            30.0,
            22.0
          ],
          "fontsize": 14.0,
          "text": "4",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ],
          "fontface": 1
        }
      },
      {
        "box": {
          "id": "obj-185",
          "maxclass": "textedit",
          "numinlets": 1,
          "numoutlets": 4,
          "patching_rect": [
            1300.0,
            800.0,
            160.0,
            24.0
          ],
          "outlettype": [
            "",
            "int",
            "",
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            804.0,
            373.0,
            160.0,
            24.0
          ],
          "keymode": 1,
          "lines": 1,
          "outputmode": 1,
          "parameter_enable": 0,
          "text": "-",
          "varname": "name 4"
        }
      },
      {
        "box": {
          "id": "obj-186",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            800.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            972.0,
            375.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "low",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-187",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1680.0,
            800.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1006.0,
            375.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "low 4",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "low 4",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "low 4"
        }
      },
      {
        "box": {
          "id": "obj-188",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            800.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            1064.0,
            375.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "high",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-189",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1760.0,
            800.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1098.0,
            375.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                1.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "high 4",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "high 4",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "high 4"
        }
      },
      {
        "box": {
          "id": "obj-190",
          "maxclass": "live.slider",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1500.0,
            800.0,
            160.0,
            30.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            774.0,
            406.0,
            270.0,
            28.0
          ],
          "orientation": 1,
          "showname": 0,
          "shownumber": 0,
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "knob 4",
              "parameter_mmax": 1.0,
              "parameter_mmin": 0.0,
              "parameter_modmode": 0,
              "parameter_shortname": "knob 4",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "knob 4"
        }
      },
      {
        "box": {
          "id": "obj-191",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            840.0,
            175.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/knob/4"
        }
      },
      {
        "box": {
          "id": "obj-192",
          "maxclass": "newobj",
          "numinlets": 6,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            880.0,
            133.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "scale 0. 1. 0. 1."
        }
      },
      {
        "box": {
          "id": "obj-193",
          "maxclass": "flonum",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1660.0,
            880.0,
            80.0,
            22.0
          ],
          "outlettype": [
            "",
            "bang"
          ],
          "presentation": 1,
          "presentation_rect": [
            1056.0,
            408.0,
            90.0,
            24.0
          ],
          "parameter_enable": 0,
          "ignoreclick": 1
        }
      },
      {
        "box": {
          "id": "obj-194",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1760.0,
            880.0,
            42.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "gate"
        }
      },
      {
        "box": {
          "id": "obj-195",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            960.0,
            119.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "prepend nothing"
        }
      },
      {
        "box": {
          "id": "obj-196",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            1760.0,
            960.0,
            154.0,
            22.0
          ],
          "text": "s tb/performance/:nn"
        }
      },
      {
        "box": {
          "id": "obj-197",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            880.0,
            84.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "route text"
        }
      },
      {
        "box": {
          "id": "obj-198",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            920.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "t s s"
        }
      },
      {
        "box": {
          "id": "obj-199",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1380.0,
            920.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "bang",
            ""
          ],
          "text": "sel -"
        }
      },
      {
        "box": {
          "id": "obj-200",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1380.0,
            1000.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "0"
        }
      },
      {
        "box": {
          "id": "obj-201",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1440.0,
            1000.0,
            40.0,
            22.0
          ],
          "outlettype": [
            "int"
          ],
          "text": "t 1"
        }
      },
      {
        "box": {
          "id": "obj-202",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            960.0,
            140.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "sprintf set set %s"
        }
      },
      {
        "box": {
          "id": "obj-204",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1060.0,
            60.0,
            24.599999999999998
          ],
          "presentation": 1,
          "presentation_rect": [
            768.0,
            460.0,
            30.0,
            22.0
          ],
          "fontsize": 14.0,
          "text": "5",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ],
          "fontface": 1
        }
      },
      {
        "box": {
          "id": "obj-205",
          "maxclass": "textedit",
          "numinlets": 1,
          "numoutlets": 4,
          "patching_rect": [
            1300.0,
            1060.0,
            160.0,
            24.0
          ],
          "outlettype": [
            "",
            "int",
            "",
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            804.0,
            461.0,
            160.0,
            24.0
          ],
          "keymode": 1,
          "lines": 1,
          "outputmode": 1,
          "parameter_enable": 0,
          "text": "-",
          "varname": "name 5"
        }
      },
      {
        "box": {
          "id": "obj-206",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1060.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            972.0,
            463.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "low",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-207",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1680.0,
            1060.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1006.0,
            463.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "low 5",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "low 5",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "low 5"
        }
      },
      {
        "box": {
          "id": "obj-208",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1060.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            1064.0,
            463.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "high",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-209",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1760.0,
            1060.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1098.0,
            463.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                1.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "high 5",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "high 5",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "high 5"
        }
      },
      {
        "box": {
          "id": "obj-210",
          "maxclass": "live.slider",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1500.0,
            1060.0,
            160.0,
            30.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            774.0,
            494.0,
            270.0,
            28.0
          ],
          "orientation": 1,
          "showname": 0,
          "shownumber": 0,
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "knob 5",
              "parameter_mmax": 1.0,
              "parameter_mmin": 0.0,
              "parameter_modmode": 0,
              "parameter_shortname": "knob 5",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "knob 5"
        }
      },
      {
        "box": {
          "id": "obj-211",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            1100.0,
            175.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/knob/5"
        }
      },
      {
        "box": {
          "id": "obj-212",
          "maxclass": "newobj",
          "numinlets": 6,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            1140.0,
            133.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "scale 0. 1. 0. 1."
        }
      },
      {
        "box": {
          "id": "obj-213",
          "maxclass": "flonum",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1660.0,
            1140.0,
            80.0,
            22.0
          ],
          "outlettype": [
            "",
            "bang"
          ],
          "presentation": 1,
          "presentation_rect": [
            1056.0,
            496.0,
            90.0,
            24.0
          ],
          "parameter_enable": 0,
          "ignoreclick": 1
        }
      },
      {
        "box": {
          "id": "obj-214",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1760.0,
            1140.0,
            42.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "gate"
        }
      },
      {
        "box": {
          "id": "obj-215",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            1220.0,
            119.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "prepend nothing"
        }
      },
      {
        "box": {
          "id": "obj-216",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            1760.0,
            1220.0,
            154.0,
            22.0
          ],
          "text": "s tb/performance/:nn"
        }
      },
      {
        "box": {
          "id": "obj-217",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            1140.0,
            84.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "route text"
        }
      },
      {
        "box": {
          "id": "obj-218",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            1180.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "t s s"
        }
      },
      {
        "box": {
          "id": "obj-219",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1380.0,
            1180.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "bang",
            ""
          ],
          "text": "sel -"
        }
      },
      {
        "box": {
          "id": "obj-220",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1380.0,
            1260.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "0"
        }
      },
      {
        "box": {
          "id": "obj-221",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1440.0,
            1260.0,
            40.0,
            22.0
          ],
          "outlettype": [
            "int"
          ],
          "text": "t 1"
        }
      },
      {
        "box": {
          "id": "obj-222",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            1220.0,
            140.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "sprintf set set %s"
        }
      },
      {
        "box": {
          "id": "obj-224",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1320.0,
            60.0,
            24.599999999999998
          ],
          "presentation": 1,
          "presentation_rect": [
            768.0,
            548.0,
            30.0,
            22.0
          ],
          "fontsize": 14.0,
          "text": "6",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ],
          "fontface": 1
        }
      },
      {
        "box": {
          "id": "obj-225",
          "maxclass": "textedit",
          "numinlets": 1,
          "numoutlets": 4,
          "patching_rect": [
            1300.0,
            1320.0,
            160.0,
            24.0
          ],
          "outlettype": [
            "",
            "int",
            "",
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            804.0,
            549.0,
            160.0,
            24.0
          ],
          "keymode": 1,
          "lines": 1,
          "outputmode": 1,
          "parameter_enable": 0,
          "text": "-",
          "varname": "name 6"
        }
      },
      {
        "box": {
          "id": "obj-226",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1320.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            972.0,
            551.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "low",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-227",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1680.0,
            1320.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1006.0,
            551.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "low 6",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "low 6",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "low 6"
        }
      },
      {
        "box": {
          "id": "obj-228",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1320.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            1064.0,
            551.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "high",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-229",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1760.0,
            1320.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1098.0,
            551.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                1.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "high 6",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "high 6",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "high 6"
        }
      },
      {
        "box": {
          "id": "obj-230",
          "maxclass": "live.slider",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1500.0,
            1320.0,
            160.0,
            30.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            774.0,
            582.0,
            270.0,
            28.0
          ],
          "orientation": 1,
          "showname": 0,
          "shownumber": 0,
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "knob 6",
              "parameter_mmax": 1.0,
              "parameter_mmin": 0.0,
              "parameter_modmode": 0,
              "parameter_shortname": "knob 6",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "knob 6"
        }
      },
      {
        "box": {
          "id": "obj-231",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            1360.0,
            175.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/knob/6"
        }
      },
      {
        "box": {
          "id": "obj-232",
          "maxclass": "newobj",
          "numinlets": 6,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            1400.0,
            133.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "scale 0. 1. 0. 1."
        }
      },
      {
        "box": {
          "id": "obj-233",
          "maxclass": "flonum",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1660.0,
            1400.0,
            80.0,
            22.0
          ],
          "outlettype": [
            "",
            "bang"
          ],
          "presentation": 1,
          "presentation_rect": [
            1056.0,
            584.0,
            90.0,
            24.0
          ],
          "parameter_enable": 0,
          "ignoreclick": 1
        }
      },
      {
        "box": {
          "id": "obj-234",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1760.0,
            1400.0,
            42.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "gate"
        }
      },
      {
        "box": {
          "id": "obj-235",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            1480.0,
            119.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "prepend nothing"
        }
      },
      {
        "box": {
          "id": "obj-236",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            1760.0,
            1480.0,
            154.0,
            22.0
          ],
          "text": "s tb/performance/:nn"
        }
      },
      {
        "box": {
          "id": "obj-237",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            1400.0,
            84.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "route text"
        }
      },
      {
        "box": {
          "id": "obj-238",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            1440.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "t s s"
        }
      },
      {
        "box": {
          "id": "obj-239",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1380.0,
            1440.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "bang",
            ""
          ],
          "text": "sel -"
        }
      },
      {
        "box": {
          "id": "obj-240",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1380.0,
            1520.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "0"
        }
      },
      {
        "box": {
          "id": "obj-241",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1440.0,
            1520.0,
            40.0,
            22.0
          ],
          "outlettype": [
            "int"
          ],
          "text": "t 1"
        }
      },
      {
        "box": {
          "id": "obj-242",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            1480.0,
            140.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "sprintf set set %s"
        }
      },
      {
        "box": {
          "id": "obj-244",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1580.0,
            60.0,
            24.599999999999998
          ],
          "presentation": 1,
          "presentation_rect": [
            768.0,
            636.0,
            30.0,
            22.0
          ],
          "fontsize": 14.0,
          "text": "7",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ],
          "fontface": 1
        }
      },
      {
        "box": {
          "id": "obj-245",
          "maxclass": "textedit",
          "numinlets": 1,
          "numoutlets": 4,
          "patching_rect": [
            1300.0,
            1580.0,
            160.0,
            24.0
          ],
          "outlettype": [
            "",
            "int",
            "",
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            804.0,
            637.0,
            160.0,
            24.0
          ],
          "keymode": 1,
          "lines": 1,
          "outputmode": 1,
          "parameter_enable": 0,
          "text": "-",
          "varname": "name 7"
        }
      },
      {
        "box": {
          "id": "obj-246",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1580.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            972.0,
            639.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "low",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-247",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1680.0,
            1580.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1006.0,
            639.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "low 7",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "low 7",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "low 7"
        }
      },
      {
        "box": {
          "id": "obj-248",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1580.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            1064.0,
            639.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "high",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-249",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1760.0,
            1580.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1098.0,
            639.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                1.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "high 7",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "high 7",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "high 7"
        }
      },
      {
        "box": {
          "id": "obj-250",
          "maxclass": "live.slider",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1500.0,
            1580.0,
            160.0,
            30.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            774.0,
            670.0,
            270.0,
            28.0
          ],
          "orientation": 1,
          "showname": 0,
          "shownumber": 0,
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "knob 7",
              "parameter_mmax": 1.0,
              "parameter_mmin": 0.0,
              "parameter_modmode": 0,
              "parameter_shortname": "knob 7",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "knob 7"
        }
      },
      {
        "box": {
          "id": "obj-251",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            1620.0,
            175.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/knob/7"
        }
      },
      {
        "box": {
          "id": "obj-252",
          "maxclass": "newobj",
          "numinlets": 6,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            1660.0,
            133.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "scale 0. 1. 0. 1."
        }
      },
      {
        "box": {
          "id": "obj-253",
          "maxclass": "flonum",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1660.0,
            1660.0,
            80.0,
            22.0
          ],
          "outlettype": [
            "",
            "bang"
          ],
          "presentation": 1,
          "presentation_rect": [
            1056.0,
            672.0,
            90.0,
            24.0
          ],
          "parameter_enable": 0,
          "ignoreclick": 1
        }
      },
      {
        "box": {
          "id": "obj-254",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1760.0,
            1660.0,
            42.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "gate"
        }
      },
      {
        "box": {
          "id": "obj-255",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            1740.0,
            119.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "prepend nothing"
        }
      },
      {
        "box": {
          "id": "obj-256",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            1760.0,
            1740.0,
            154.0,
            22.0
          ],
          "text": "s tb/performance/:nn"
        }
      },
      {
        "box": {
          "id": "obj-257",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            1660.0,
            84.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "route text"
        }
      },
      {
        "box": {
          "id": "obj-258",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            1700.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "t s s"
        }
      },
      {
        "box": {
          "id": "obj-259",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1380.0,
            1700.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "bang",
            ""
          ],
          "text": "sel -"
        }
      },
      {
        "box": {
          "id": "obj-260",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1380.0,
            1780.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "0"
        }
      },
      {
        "box": {
          "id": "obj-261",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1440.0,
            1780.0,
            40.0,
            22.0
          ],
          "outlettype": [
            "int"
          ],
          "text": "t 1"
        }
      },
      {
        "box": {
          "id": "obj-262",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            1740.0,
            140.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "sprintf set set %s"
        }
      },
      {
        "box": {
          "id": "obj-264",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1840.0,
            60.0,
            24.599999999999998
          ],
          "presentation": 1,
          "presentation_rect": [
            768.0,
            724.0,
            30.0,
            22.0
          ],
          "fontsize": 14.0,
          "text": "8",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ],
          "fontface": 1
        }
      },
      {
        "box": {
          "id": "obj-265",
          "maxclass": "textedit",
          "numinlets": 1,
          "numoutlets": 4,
          "patching_rect": [
            1300.0,
            1840.0,
            160.0,
            24.0
          ],
          "outlettype": [
            "",
            "int",
            "",
            ""
          ],
          "presentation": 1,
          "presentation_rect": [
            804.0,
            725.0,
            160.0,
            24.0
          ],
          "keymode": 1,
          "lines": 1,
          "outputmode": 1,
          "parameter_enable": 0,
          "text": "-",
          "varname": "name 8"
        }
      },
      {
        "box": {
          "id": "obj-266",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1840.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            972.0,
            727.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "low",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-267",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1680.0,
            1840.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1006.0,
            727.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "low 8",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "low 8",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "low 8"
        }
      },
      {
        "box": {
          "id": "obj-268",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            1840.0,
            60.0,
            19.0
          ],
          "presentation": 1,
          "presentation_rect": [
            1064.0,
            727.0,
            34.0,
            18.0
          ],
          "fontsize": 10.0,
          "text": "high",
          "textcolor": [
            0.13,
            0.13,
            0.13,
            1.0
          ]
        }
      },
      {
        "box": {
          "id": "obj-269",
          "maxclass": "live.numbox",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1760.0,
            1840.0,
            60.0,
            20.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            1098.0,
            727.0,
            52.0,
            20.0
          ],
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                1.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "high 8",
              "parameter_mmax": 1000.0,
              "parameter_mmin": -1000.0,
              "parameter_modmode": 0,
              "parameter_shortname": "high 8",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "high 8"
        }
      },
      {
        "box": {
          "id": "obj-270",
          "maxclass": "live.slider",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1500.0,
            1840.0,
            160.0,
            30.0
          ],
          "outlettype": [
            "",
            "float"
          ],
          "presentation": 1,
          "presentation_rect": [
            774.0,
            758.0,
            270.0,
            28.0
          ],
          "orientation": 1,
          "showname": 0,
          "shownumber": 0,
          "parameter_enable": 1,
          "saved_attribute_attributes": {
            "valueof": {
              "parameter_initial": [
                0.0
              ],
              "parameter_initial_enable": 1,
              "parameter_longname": "knob 8",
              "parameter_mmax": 1.0,
              "parameter_mmin": 0.0,
              "parameter_modmode": 0,
              "parameter_shortname": "knob 8",
              "parameter_type": 0,
              "parameter_unitstyle": 1
            }
          },
          "varname": "knob 8"
        }
      },
      {
        "box": {
          "id": "obj-271",
          "maxclass": "newobj",
          "numinlets": 0,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            1880.0,
            175.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "r tb/performance/knob/8"
        }
      },
      {
        "box": {
          "id": "obj-272",
          "maxclass": "newobj",
          "numinlets": 6,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            1920.0,
            133.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "scale 0. 1. 0. 1."
        }
      },
      {
        "box": {
          "id": "obj-273",
          "maxclass": "flonum",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1660.0,
            1920.0,
            80.0,
            22.0
          ],
          "outlettype": [
            "",
            "bang"
          ],
          "presentation": 1,
          "presentation_rect": [
            1056.0,
            760.0,
            90.0,
            24.0
          ],
          "parameter_enable": 0,
          "ignoreclick": 1
        }
      },
      {
        "box": {
          "id": "obj-274",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1760.0,
            1920.0,
            42.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "gate"
        }
      },
      {
        "box": {
          "id": "obj-275",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1500.0,
            2000.0,
            119.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "prepend nothing"
        }
      },
      {
        "box": {
          "id": "obj-276",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            1760.0,
            2000.0,
            154.0,
            22.0
          ],
          "text": "s tb/performance/:nn"
        }
      },
      {
        "box": {
          "id": "obj-277",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            1920.0,
            84.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "route text"
        }
      },
      {
        "box": {
          "id": "obj-278",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            1300.0,
            1960.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "",
            ""
          ],
          "text": "t s s"
        }
      },
      {
        "box": {
          "id": "obj-279",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            1380.0,
            1960.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "bang",
            ""
          ],
          "text": "sel -"
        }
      },
      {
        "box": {
          "id": "obj-280",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            1380.0,
            2040.0,
            40.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "0"
        }
      },
      {
        "box": {
          "id": "obj-281",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1440.0,
            2040.0,
            40.0,
            22.0
          ],
          "outlettype": [
            "int"
          ],
          "text": "t 1"
        }
      },
      {
        "box": {
          "id": "obj-282",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            1300.0,
            2000.0,
            140.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "sprintf set set %s"
        }
      },
      {
        "box": {
          "id": "obj-263",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -1640.0,
            716.0,
            400.0,
            76.0
          ],
          "presentation": 1,
          "presentation_rect": [
            760.0,
            716.0,
            400.0,
            76.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-243",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -1640.0,
            628.0,
            400.0,
            76.0
          ],
          "presentation": 1,
          "presentation_rect": [
            760.0,
            628.0,
            400.0,
            76.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-223",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -1640.0,
            540.0,
            400.0,
            76.0
          ],
          "presentation": 1,
          "presentation_rect": [
            760.0,
            540.0,
            400.0,
            76.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-203",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -1640.0,
            452.0,
            400.0,
            76.0
          ],
          "presentation": 1,
          "presentation_rect": [
            760.0,
            452.0,
            400.0,
            76.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-183",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -1640.0,
            364.0,
            400.0,
            76.0
          ],
          "presentation": 1,
          "presentation_rect": [
            760.0,
            364.0,
            400.0,
            76.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-163",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -1640.0,
            276.0,
            400.0,
            76.0
          ],
          "presentation": 1,
          "presentation_rect": [
            760.0,
            276.0,
            400.0,
            76.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-143",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -1640.0,
            188.0,
            400.0,
            76.0
          ],
          "presentation": 1,
          "presentation_rect": [
            760.0,
            188.0,
            400.0,
            76.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-123",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -1640.0,
            100.0,
            400.0,
            76.0
          ],
          "presentation": 1,
          "presentation_rect": [
            760.0,
            100.0,
            400.0,
            76.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-99",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2060.0,
            262.0,
            400.0,
            170.0
          ],
          "presentation": 1,
          "presentation_rect": [
            340.0,
            262.0,
            400.0,
            170.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-85",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2060.0,
            100.0,
            400.0,
            150.0
          ],
          "presentation": 1,
          "presentation_rect": [
            340.0,
            100.0,
            400.0,
            150.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-8",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            486.0,
            300.0,
            60.0
          ],
          "presentation": 1,
          "presentation_rect": [
            20.0,
            486.0,
            300.0,
            60.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-7",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            338.0,
            300.0,
            136.0
          ],
          "presentation": 1,
          "presentation_rect": [
            20.0,
            338.0,
            300.0,
            136.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-6",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            198.0,
            300.0,
            128.0
          ],
          "presentation": 1,
          "presentation_rect": [
            20.0,
            198.0,
            300.0,
            128.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-5",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2380.0,
            100.0,
            300.0,
            86.0
          ],
          "presentation": 1,
          "presentation_rect": [
            20.0,
            100.0,
            300.0,
            86.0
          ],
          "background": 1,
          "bgcolor": [
            0.94,
            0.94,
            0.92,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-2",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            0.0,
            1180.0,
            80.0
          ],
          "presentation": 1,
          "presentation_rect": [
            0.0,
            0.0,
            1180.0,
            80.0
          ],
          "background": 1,
          "bgcolor": [
            0.19,
            0.19,
            0.22,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      },
      {
        "box": {
          "id": "obj-1",
          "maxclass": "panel",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            -2400.0,
            0.0,
            1180.0,
            812.0
          ],
          "presentation": 1,
          "presentation_rect": [
            0.0,
            0.0,
            1180.0,
            812.0
          ],
          "background": 1,
          "bgcolor": [
            0.86,
            0.86,
            0.83,
            1.0
          ],
          "mode": 0,
          "border": 0,
          "rounded": 6
        }
      }
    ],
    "lines": [
      {
        "patchline": {
          "source": [
            "obj-14",
            0
          ],
          "destination": [
            "obj-13",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-16",
            0
          ],
          "destination": [
            "obj-15",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-15",
            0
          ],
          "destination": [
            "obj-17",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-19",
            0
          ],
          "destination": [
            "obj-18",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-18",
            0
          ],
          "destination": [
            "obj-20",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-20",
            0
          ],
          "destination": [
            "obj-22",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-20",
            1
          ],
          "destination": [
            "obj-21",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-21",
            0
          ],
          "destination": [
            "obj-23",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-30",
            0
          ],
          "destination": [
            "obj-28",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-28",
            0
          ],
          "destination": [
            "obj-31",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-31",
            0
          ],
          "destination": [
            "obj-29",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-33",
            0
          ],
          "destination": [
            "obj-32",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-32",
            0
          ],
          "destination": [
            "obj-34",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-34",
            0
          ],
          "destination": [
            "obj-35",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-36",
            0
          ],
          "destination": [
            "obj-39",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-37",
            0
          ],
          "destination": [
            "obj-39",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-38",
            0
          ],
          "destination": [
            "obj-39",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-40",
            0
          ],
          "destination": [
            "obj-41",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-29",
            0
          ],
          "destination": [
            "obj-41",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-41",
            0
          ],
          "destination": [
            "obj-42",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-44",
            0
          ],
          "destination": [
            "obj-42",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-39",
            0
          ],
          "destination": [
            "obj-42",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-35",
            0
          ],
          "destination": [
            "obj-42",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-42",
            0
          ],
          "destination": [
            "obj-43",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-40",
            1
          ],
          "destination": [
            "obj-45",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-29",
            0
          ],
          "destination": [
            "obj-45",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-45",
            0
          ],
          "destination": [
            "obj-46",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-48",
            0
          ],
          "destination": [
            "obj-46",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-39",
            1
          ],
          "destination": [
            "obj-46",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-35",
            0
          ],
          "destination": [
            "obj-46",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-46",
            0
          ],
          "destination": [
            "obj-47",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-50",
            0
          ],
          "destination": [
            "obj-49",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-51",
            0
          ],
          "destination": [
            "obj-49",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-49",
            0
          ],
          "destination": [
            "obj-52",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-53",
            0
          ],
          "destination": [
            "obj-49",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-49",
            1
          ],
          "destination": [
            "obj-54",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-49",
            0
          ],
          "destination": [
            "obj-55",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-55",
            0
          ],
          "destination": [
            "obj-56",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-58",
            0
          ],
          "destination": [
            "obj-57",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-57",
            0
          ],
          "destination": [
            "obj-59",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-59",
            0
          ],
          "destination": [
            "obj-49",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-62",
            0
          ],
          "destination": [
            "obj-61",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-61",
            0
          ],
          "destination": [
            "obj-63",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-63",
            0
          ],
          "destination": [
            "obj-64",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-64",
            0
          ],
          "destination": [
            "obj-65",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-68",
            0
          ],
          "destination": [
            "obj-67",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-67",
            0
          ],
          "destination": [
            "obj-69",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-69",
            0
          ],
          "destination": [
            "obj-70",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-73",
            0
          ],
          "destination": [
            "obj-75",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-75",
            0
          ],
          "destination": [
            "obj-74",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-77",
            0
          ],
          "destination": [
            "obj-76",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-76",
            0
          ],
          "destination": [
            "obj-74",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-64",
            0
          ],
          "destination": [
            "obj-75",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-65",
            0
          ],
          "destination": [
            "obj-76",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-70",
            0
          ],
          "destination": [
            "obj-74",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-74",
            0
          ],
          "destination": [
            "obj-71",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-74",
            0
          ],
          "destination": [
            "obj-72",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-78",
            0
          ],
          "destination": [
            "obj-80",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-80",
            0
          ],
          "destination": [
            "obj-79",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-82",
            0
          ],
          "destination": [
            "obj-81",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-81",
            0
          ],
          "destination": [
            "obj-79",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-64",
            0
          ],
          "destination": [
            "obj-80",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-65",
            0
          ],
          "destination": [
            "obj-81",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-70",
            0
          ],
          "destination": [
            "obj-79",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-79",
            0
          ],
          "destination": [
            "obj-71",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-89",
            0
          ],
          "destination": [
            "obj-88",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-88",
            0
          ],
          "destination": [
            "obj-90",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-90",
            0
          ],
          "destination": [
            "obj-91",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-91",
            0
          ],
          "destination": [
            "obj-49",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-92",
            0
          ],
          "destination": [
            "obj-91",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-94",
            0
          ],
          "destination": [
            "obj-95",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-95",
            0
          ],
          "destination": [
            "obj-96",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-96",
            0
          ],
          "destination": [
            "obj-49",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-98",
            0
          ],
          "destination": [
            "obj-55",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-104",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-105",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-106",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-107",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-108",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-109",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-110",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-111",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-113",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-114",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-115",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-116",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-117",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-118",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-119",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-120",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-121",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-122",
            0
          ],
          "destination": [
            "obj-101",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-131",
            0
          ],
          "destination": [
            "obj-130",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-17",
            0
          ],
          "destination": [
            "obj-130",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-22",
            0
          ],
          "destination": [
            "obj-130",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-130",
            0
          ],
          "destination": [
            "obj-132",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-132",
            0
          ],
          "destination": [
            "obj-133",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-127",
            0
          ],
          "destination": [
            "obj-132",
            3
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-129",
            0
          ],
          "destination": [
            "obj-132",
            4
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-133",
            0
          ],
          "destination": [
            "obj-134",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-134",
            0
          ],
          "destination": [
            "obj-135",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-135",
            0
          ],
          "destination": [
            "obj-136",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-125",
            0
          ],
          "destination": [
            "obj-137",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-137",
            0
          ],
          "destination": [
            "obj-138",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-138",
            0
          ],
          "destination": [
            "obj-139",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-139",
            0
          ],
          "destination": [
            "obj-140",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-140",
            0
          ],
          "destination": [
            "obj-134",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-139",
            1
          ],
          "destination": [
            "obj-141",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-141",
            0
          ],
          "destination": [
            "obj-134",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-138",
            1
          ],
          "destination": [
            "obj-142",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-142",
            0
          ],
          "destination": [
            "obj-135",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-151",
            0
          ],
          "destination": [
            "obj-150",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-17",
            0
          ],
          "destination": [
            "obj-150",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-22",
            0
          ],
          "destination": [
            "obj-150",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-150",
            0
          ],
          "destination": [
            "obj-152",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-152",
            0
          ],
          "destination": [
            "obj-153",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-147",
            0
          ],
          "destination": [
            "obj-152",
            3
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-149",
            0
          ],
          "destination": [
            "obj-152",
            4
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-153",
            0
          ],
          "destination": [
            "obj-154",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-154",
            0
          ],
          "destination": [
            "obj-155",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-155",
            0
          ],
          "destination": [
            "obj-156",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-145",
            0
          ],
          "destination": [
            "obj-157",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-157",
            0
          ],
          "destination": [
            "obj-158",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-158",
            0
          ],
          "destination": [
            "obj-159",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-159",
            0
          ],
          "destination": [
            "obj-160",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-160",
            0
          ],
          "destination": [
            "obj-154",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-159",
            1
          ],
          "destination": [
            "obj-161",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-161",
            0
          ],
          "destination": [
            "obj-154",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-158",
            1
          ],
          "destination": [
            "obj-162",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-162",
            0
          ],
          "destination": [
            "obj-155",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-171",
            0
          ],
          "destination": [
            "obj-170",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-17",
            0
          ],
          "destination": [
            "obj-170",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-22",
            0
          ],
          "destination": [
            "obj-170",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-170",
            0
          ],
          "destination": [
            "obj-172",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-172",
            0
          ],
          "destination": [
            "obj-173",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-167",
            0
          ],
          "destination": [
            "obj-172",
            3
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-169",
            0
          ],
          "destination": [
            "obj-172",
            4
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-173",
            0
          ],
          "destination": [
            "obj-174",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-174",
            0
          ],
          "destination": [
            "obj-175",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-175",
            0
          ],
          "destination": [
            "obj-176",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-165",
            0
          ],
          "destination": [
            "obj-177",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-177",
            0
          ],
          "destination": [
            "obj-178",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-178",
            0
          ],
          "destination": [
            "obj-179",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-179",
            0
          ],
          "destination": [
            "obj-180",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-180",
            0
          ],
          "destination": [
            "obj-174",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-179",
            1
          ],
          "destination": [
            "obj-181",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-181",
            0
          ],
          "destination": [
            "obj-174",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-178",
            1
          ],
          "destination": [
            "obj-182",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-182",
            0
          ],
          "destination": [
            "obj-175",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-191",
            0
          ],
          "destination": [
            "obj-190",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-17",
            0
          ],
          "destination": [
            "obj-190",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-22",
            0
          ],
          "destination": [
            "obj-190",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-190",
            0
          ],
          "destination": [
            "obj-192",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-192",
            0
          ],
          "destination": [
            "obj-193",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-187",
            0
          ],
          "destination": [
            "obj-192",
            3
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-189",
            0
          ],
          "destination": [
            "obj-192",
            4
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-193",
            0
          ],
          "destination": [
            "obj-194",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-194",
            0
          ],
          "destination": [
            "obj-195",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-195",
            0
          ],
          "destination": [
            "obj-196",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-185",
            0
          ],
          "destination": [
            "obj-197",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-197",
            0
          ],
          "destination": [
            "obj-198",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-198",
            0
          ],
          "destination": [
            "obj-199",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-199",
            0
          ],
          "destination": [
            "obj-200",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-200",
            0
          ],
          "destination": [
            "obj-194",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-199",
            1
          ],
          "destination": [
            "obj-201",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-201",
            0
          ],
          "destination": [
            "obj-194",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-198",
            1
          ],
          "destination": [
            "obj-202",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-202",
            0
          ],
          "destination": [
            "obj-195",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-211",
            0
          ],
          "destination": [
            "obj-210",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-17",
            0
          ],
          "destination": [
            "obj-210",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-22",
            0
          ],
          "destination": [
            "obj-210",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-210",
            0
          ],
          "destination": [
            "obj-212",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-212",
            0
          ],
          "destination": [
            "obj-213",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-207",
            0
          ],
          "destination": [
            "obj-212",
            3
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-209",
            0
          ],
          "destination": [
            "obj-212",
            4
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-213",
            0
          ],
          "destination": [
            "obj-214",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-214",
            0
          ],
          "destination": [
            "obj-215",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-215",
            0
          ],
          "destination": [
            "obj-216",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-205",
            0
          ],
          "destination": [
            "obj-217",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-217",
            0
          ],
          "destination": [
            "obj-218",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-218",
            0
          ],
          "destination": [
            "obj-219",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-219",
            0
          ],
          "destination": [
            "obj-220",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-220",
            0
          ],
          "destination": [
            "obj-214",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-219",
            1
          ],
          "destination": [
            "obj-221",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-221",
            0
          ],
          "destination": [
            "obj-214",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-218",
            1
          ],
          "destination": [
            "obj-222",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-222",
            0
          ],
          "destination": [
            "obj-215",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-231",
            0
          ],
          "destination": [
            "obj-230",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-17",
            0
          ],
          "destination": [
            "obj-230",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-22",
            0
          ],
          "destination": [
            "obj-230",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-230",
            0
          ],
          "destination": [
            "obj-232",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-232",
            0
          ],
          "destination": [
            "obj-233",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-227",
            0
          ],
          "destination": [
            "obj-232",
            3
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-229",
            0
          ],
          "destination": [
            "obj-232",
            4
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-233",
            0
          ],
          "destination": [
            "obj-234",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-234",
            0
          ],
          "destination": [
            "obj-235",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-235",
            0
          ],
          "destination": [
            "obj-236",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-225",
            0
          ],
          "destination": [
            "obj-237",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-237",
            0
          ],
          "destination": [
            "obj-238",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-238",
            0
          ],
          "destination": [
            "obj-239",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-239",
            0
          ],
          "destination": [
            "obj-240",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-240",
            0
          ],
          "destination": [
            "obj-234",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-239",
            1
          ],
          "destination": [
            "obj-241",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-241",
            0
          ],
          "destination": [
            "obj-234",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-238",
            1
          ],
          "destination": [
            "obj-242",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-242",
            0
          ],
          "destination": [
            "obj-235",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-251",
            0
          ],
          "destination": [
            "obj-250",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-17",
            0
          ],
          "destination": [
            "obj-250",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-22",
            0
          ],
          "destination": [
            "obj-250",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-250",
            0
          ],
          "destination": [
            "obj-252",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-252",
            0
          ],
          "destination": [
            "obj-253",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-247",
            0
          ],
          "destination": [
            "obj-252",
            3
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-249",
            0
          ],
          "destination": [
            "obj-252",
            4
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-253",
            0
          ],
          "destination": [
            "obj-254",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-254",
            0
          ],
          "destination": [
            "obj-255",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-255",
            0
          ],
          "destination": [
            "obj-256",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-245",
            0
          ],
          "destination": [
            "obj-257",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-257",
            0
          ],
          "destination": [
            "obj-258",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-258",
            0
          ],
          "destination": [
            "obj-259",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-259",
            0
          ],
          "destination": [
            "obj-260",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-260",
            0
          ],
          "destination": [
            "obj-254",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-259",
            1
          ],
          "destination": [
            "obj-261",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-261",
            0
          ],
          "destination": [
            "obj-254",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-258",
            1
          ],
          "destination": [
            "obj-262",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-262",
            0
          ],
          "destination": [
            "obj-255",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-271",
            0
          ],
          "destination": [
            "obj-270",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-17",
            0
          ],
          "destination": [
            "obj-270",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-22",
            0
          ],
          "destination": [
            "obj-270",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-270",
            0
          ],
          "destination": [
            "obj-272",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-272",
            0
          ],
          "destination": [
            "obj-273",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-267",
            0
          ],
          "destination": [
            "obj-272",
            3
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-269",
            0
          ],
          "destination": [
            "obj-272",
            4
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-273",
            0
          ],
          "destination": [
            "obj-274",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-274",
            0
          ],
          "destination": [
            "obj-275",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-275",
            0
          ],
          "destination": [
            "obj-276",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-265",
            0
          ],
          "destination": [
            "obj-277",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-277",
            0
          ],
          "destination": [
            "obj-278",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-278",
            0
          ],
          "destination": [
            "obj-279",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-279",
            0
          ],
          "destination": [
            "obj-280",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-280",
            0
          ],
          "destination": [
            "obj-274",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-279",
            1
          ],
          "destination": [
            "obj-281",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-281",
            0
          ],
          "destination": [
            "obj-274",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-278",
            1
          ],
          "destination": [
            "obj-282",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-282",
            0
          ],
          "destination": [
            "obj-275",
            0
          ]
        }
      }
    ]
  }
}
